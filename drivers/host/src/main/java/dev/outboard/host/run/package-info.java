/**
 * {@code outboard run}: one driver, in this process, on one device.
 *
 * <pre>
 *   RunCommand ── options ──► HostPlan ──► DriverSession: one life of the driver
 *       │                                    memory ─ domain ─ dma ─ device ─ service ─ client
 *       └── again, when the device was lost and --reconnect says so
 * </pre>
 */
package dev.outboard.host.run;
