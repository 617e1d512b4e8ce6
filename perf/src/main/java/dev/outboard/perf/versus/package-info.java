/**
 * {@code outboard versus}: a driver of ours beside what a user would pick instead, on the same
 * back-end, in interleaved pairs.
 *
 * <pre>
 *   pair 1: ours, theirs   pair 2: theirs, ours   …      processor 0: the back-end
 *   each run: start, warm up, count what the back-end counts processor 1: the driver
 * </pre>
 */
package dev.outboard.perf.versus;
