/**
 * Tests of the whole: processes as a user starts them, killed as a user's are, and programs of
 * others at the other end of the socket.
 *
 * <p>Each test starts children through {@link dev.outboard.perf.it.ProcessTest}, which checks
 * afterwards that neither a process nor a socket nor a file is left.
 */
package dev.outboard.perf.it;
