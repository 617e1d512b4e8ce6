/**
 * Where devices are found: one {@link dev.outboard.host.bus.Bus} for each way to reach one, by the
 * scheme of its address.
 *
 * <pre>
 *   "vhost-user:nic0.sock" ──► DeviceAddress ──► Bus of that scheme ──► HostedDevice ──► Driver
 * </pre>
 *
 * <p>A module that brings another bus {@code provides} it; no driver changes.
 */
package dev.outboard.host.bus;
