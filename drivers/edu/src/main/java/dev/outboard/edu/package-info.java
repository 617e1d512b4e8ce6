/**
 * A driver that fits on a page, for QEMU's teaching device (vendor 0x1234, device 0x11e8): numbers
 * in registers, copies by DMA, one interrupt.
 *
 * <p>The device is described in QEMU's {@code docs/specs/edu.txt}.
 */
package dev.outboard.edu;
