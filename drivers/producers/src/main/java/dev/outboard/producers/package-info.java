/**
 * The way of several threads to a queue that one thread owns.
 *
 * <pre>
 *   producer ─┐  claim, write, publish                  pump, to the end of the batch
 *   producer ─┼───────────► ring of frames in DMA memory ───────────► TransmitQueue ──► device
 *   producer ─┘                       ▲                                    │ onSent
 *                                     └──── a slot is free again ◄─────────┘
 * </pre>
 */
package dev.outboard.producers;
