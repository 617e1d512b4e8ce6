/**
 * QEMU's device models without a guest, over the qtest socket of a machine whose processor is
 * halted: a PCI bus for tests, in which every register access is a message.
 *
 * <pre>
 *   QtestMachine ── commands ──► qtest socket ──► QEMU: configuration space, base addresses
 *        │                                          │ DMA, and interrupts as DMA
 *        └── RAM, a shared file ◄═══════════════════┘
 *             last page: a word a vector, looked at by a thread that signals events
 * </pre>
 *
 * <p>Source: QEMU, "QTest Device Emulation Testing Framework" and the head of softmmu/qtest.c.
 */
package dev.outboard.uio.qtest;
