/**
 * {@code outboard dmaperf}: what a mapping costs, and what it still lets through, for each format,
 * strategy and owner.
 *
 * <pre>
 *   dmaperf ──► for each format × strategy × owner × threads, processes of their own:
 *
 *     driver (CPU 1)                                    device (CPU 0)
 *       fill the IOVA space, free at random               attach, look at the mailbox, sleep
 *       map K, unmap K, by the clock: a burst      ┐
 *       bursts of 5 ms: a window, median of many   │
 *       touch: map K, order, wait, unmap K   ── mailbox ──►  resolve every page once, in order
 *       translate: order, wait               ── mailbox ──►  time hits, misses, sections
 *     mediator (CPU 0), where it is the owner
 * </pre>
 *
 * <p>A process has one format, one strategy and one owner, as a driver's has, so that its call
 * sites see the classes that a driver's would. map and unmap are timed apart, by burst: no clock is
 * read per call.
 */
package dev.outboard.perf.dmaperf;
