/**
 * An NVMe controller that is emulated: NVM Express 1.4, over any way to reach memory and registers
 * that a {@code PciPort} gives it.
 *
 * <pre>
 *   registers ──► NvmeController ──► SubmissionQueue ──► Command ──► AdminCommands ──► Identity,
 *   doorbells ──► Doorbell ──┘            │                  │       Features, AsyncEvents
 *                                         │                  └─────► IoCommands ──► Namespace,
 *   interrupts ◄── CompletionQueue ◄──────┘                          DataPointer    Medium
 * </pre>
 *
 * <p>A command is copied out of its ring, checked, and all of its memory found before any of it is
 * touched. What it does wrong is told in its status; a ring that cannot be reached is a fatal
 * controller status, from which a reset leads back.
 */
package dev.outboard.models.nvme;
