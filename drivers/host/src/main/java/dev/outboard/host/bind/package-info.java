/**
 * {@code outboard list}, {@code bind} and {@code unbind}: the PCI functions of this machine, and
 * who has them.
 *
 * <p>What is in use is not taken from its user: {@link dev.outboard.host.bind.InUse} looks for
 * mounted disks, for the network's way out, and for processes that drive the function already.
 */
package dev.outboard.host.bind;
