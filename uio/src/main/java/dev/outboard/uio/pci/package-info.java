/**
 * PCI functions, by whatever way they are reached: their configuration space, their registers,
 * their interrupts.
 *
 * <pre>
 *   PciFunction ── configuration() ──► ConfigurationSpace ──► Capability, BaseAddress, MsixTable
 *               ── region(n) ────────► Registers
 *               ── interrupts ───────► EventDescriptor, one a vector
 * </pre>
 *
 * <p>Layouts are those of the PCI Local Bus Specification 3.0, chapter 6, and of the PCI Express
 * Base Specification, chapter 7. What a device says of itself is checked: a capability list that
 * goes round in circles ends, a region that is no power of two is refused.
 */
package dev.outboard.uio.pci;
