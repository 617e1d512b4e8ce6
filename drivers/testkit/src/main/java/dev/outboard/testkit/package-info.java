/**
 * A fake device for the tests of a driver: the test sees every chain the driver adds, and answers
 * what it likes, also what no device may.
 *
 * <pre>
 *   test ──► driver ──► rings in memory ◄──► RingPeer ◄── test
 * </pre>
 */
package dev.outboard.testkit;
