/**
 * Devices that are other processes, behind vfio-user sockets: PCI functions, which reach what they
 * are told of, window by window.
 *
 * <pre>
 *   vfio-user:PATH ──► VfioUserBus ──► VfioUserClient ──► PciDevice ──► Driver
 *                          └──► VfioUserWindows ◄── all of memory, once (strategy off)
 *                                               ◄── WindowDomain: each mapping (--strategy X)
 * </pre>
 */
package dev.outboard.host.vfiouser;
