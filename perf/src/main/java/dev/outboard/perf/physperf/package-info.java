/**
 * {@code outboard physperf}: what looking a page frame up costs, the load tests of the paper on
 * NetBSD's {@code uvm_hotplug(9)} on every structure that holds segments.
 *
 * <pre>
 *   for each test, for each of so many runs, taking turns, on one thread:
 *
 *     draw N frames at random, add them up                          ── seconds ──┐ median
 *     draw N frames, look each up in the sorted array, add up       ── seconds ──┤ taken out
 *     draw N frames, look each up in the red-black tree, add up     ── seconds ──┤
 *     draw N frames, look each up in the directory, add up          ── seconds ──┘
 * </pre>
 *
 * <p>Each structure has a loop of its own, so that the compiler sees in it the one class that a
 * driver process would have. Numbers do not depend on one another, so that drawing costs
 * instructions, which add up, rather than time behind which a look-up would hide. Seconds are those
 * that the thread ran; a slice of a run in which it waited for a processor is made again.
 */
package dev.outboard.perf.physperf;
