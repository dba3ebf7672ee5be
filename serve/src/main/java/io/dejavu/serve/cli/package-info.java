/// What the commands share: which model and how it is computed, sizes, progress bars, exit codes,
/// this program in another process. Knows no command.
package io.dejavu.serve.cli;
