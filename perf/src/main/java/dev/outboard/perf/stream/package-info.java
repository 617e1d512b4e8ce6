/**
 * Messages from one network driver to another, every byte checked where it arrives.
 *
 * <pre>
 *   sender                                                     receiver
 *     ── START stream, size, seed ────────────────────────────►   (repeated until answered)
 *     ◄──────────────────────────────────────────── START_ACK ──
 *     ── DATA message 0 fragment 0, 1, … message 1 … ──────────►   each byte compared
 *     ◄───────────────────────────── CREDIT frames received ──     a few a window
 *     ── END ─────────────────────────────────────────────────►   (repeated until answered)
 *     ◄───────────────────────────────── END_ACK the totals ──
 *       … the next size …
 *     ── CLOSE ───────────────────────────────────────────────►
 *     ◄──────────────────────────────────────────── CLOSE_ACK ──
 * </pre>
 *
 * <p>A message of N bytes is N bytes of Ethernet payload, in as few frames as the MTU allows; each
 * begins with the stream's header, which is checked as well as the pattern behind it. What is lost
 * is reported, not sent again: a lost frame is a finding.
 */
package dev.outboard.perf.stream;
