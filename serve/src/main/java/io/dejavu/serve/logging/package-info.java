/// How the process logs, and the line of each request. Knows no command.
package io.dejavu.serve.logging;
