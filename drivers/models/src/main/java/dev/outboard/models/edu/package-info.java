/**
 * QEMU's teaching device, emulated once more: registers, factorials, copies by DMA, one interrupt,
 * as {@code docs/specs/edu.rst} of QEMU has it.
 */
package dev.outboard.models.edu;
