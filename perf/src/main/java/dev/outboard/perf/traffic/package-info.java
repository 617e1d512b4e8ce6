/**
 * Frames that count and time themselves: what fills a network, what empties it, and how long a
 * frame is on its way.
 *
 * <pre>
 *   net-generate ── UDP over IPv4, flow by flow, numbered and stamped ──► net-sink
 *     FrameTemplate writes them, Generator keeps     FlowTracker finds what is lost, late or
 *     the rate                                       doubled; a histogram how old frames are
 *
 *   net-rtt ── one frame ──► forward, or testpmd ── the same frame ──► net-rtt
 *
 *   versus ── OrderGiver ──► net-load: each of the three, when it is told to
 *                    └─────► versus-trips: a device that times any driver that sends frames back
 * </pre>
 *
 * <p>One thread owns a queue; with several pairs of queues there is a thread for each. Nothing
 * allocates for a frame.
 */
package dev.outboard.perf.traffic;
