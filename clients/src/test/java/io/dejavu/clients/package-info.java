/// The clients that people use, unchanged, against a real server process.
package io.dejavu.clients;
