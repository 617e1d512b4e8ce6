/**
 * {@code outboard poolperf}: whether a path that may not block gets its pages while somebody else
 * takes all he can get, and how long it takes.
 *
 * <pre>
 *   urgent (last CPU)                    pool                     greedy (CPU 0)
 *     every 640 us: 64 pages,        ┌──────────────┐               takes in a tight loop, gives
 *     each timed; given back ───────►│ free pages   │◄───────────── all back when it has its fill
 *     some bursts later              └──────▲───────┘               slowed down under the low mark
 *                                     refill thread (any CPU)
 *   main: notes the level every few ms
 * </pre>
 *
 * <p>Bursts keep to a timetable: one that was late is made up for at once, so the rate holds.
 */
package dev.outboard.perf.poolperf;
