/**
 * Network interfaces of the kernel's: what they are told and asked, and frames in and out of one.
 *
 * <pre>
 *   the kernel's stack ──► interface ──► queue 0, 1 … ──► readv ──► this process
 *                      ◄──           ◄──              ◄── writev ◄─
 * </pre>
 */
package dev.outboard.uio.net;
