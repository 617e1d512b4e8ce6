/**
 * {@code outboard device}: an emulated device in a process of its own, until it is told to stop.
 *
 * <pre>
 *   driver process ──► socket ──► port of the model ──► IOMMU ──► the driver's memory
 * </pre>
 */
package dev.outboard.host.device;
