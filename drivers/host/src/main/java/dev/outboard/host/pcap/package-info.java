/**
 * Captures of a running driver's frames, as pcap files.
 *
 * <pre>
 *   queue ── FrameWitness ──► CaptureRing ──► FrameCapture ──► bytes of a file
 * </pre>
 */
package dev.outboard.host.pcap;
