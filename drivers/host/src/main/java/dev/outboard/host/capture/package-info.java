/**
 * {@code outboard capture}: the frames of a running driver, for Wireshark and tcpdump.
 *
 * <pre>
 *   FrameCapture ──► GET /capture of the control socket ──► CaptureReader ──► CaptureCommand
 * </pre>
 */
package dev.outboard.host.capture;
