/**
 * The driver of Intel's 82574 gigabit controller: a ring of empty buffers and a ring of frames,
 * each with an interrupt vector of its own, and a third vector for the link.
 *
 * <pre>
 *   client ── claim, commit, flush ──► FrameTransmitter ──► SendRing ── tail register ──► device
 *   client ◄─ poll(handler) ────────── FrameReceiver ◄───── FillRing ◄─────────────────── device
 *                                                     CauseThread ◄── link up, link down ── device
 *   Controller   resets, starts, stops; its generation tells each ring that it was reset
 * </pre>
 *
 * <p>Source of all layouts: Intel 82574 GbE Controller Family Datasheet, revision 3.4.
 */
package dev.outboard.e1000e;
