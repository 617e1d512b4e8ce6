/**
 * {@code outboard attack}: a hostile device against a driver that maps a million times, and an
 * oracle that says whether anything got through that the strategy does not admit.
 *
 * <pre>
 *   driver process: the oracle                          device process: the attacker
 *     map, unmap, at random          ── board: posted ──►  learns every IOVA, forgets none
 *     canary: where no write may land                      writes its signature wherever it is let
 *     secret: what no read may show  ◄── board: leaks ───  reads wherever it is let, tells what
 *     every so often: sweep          ── board: order ───►  tries each page of the IOVA space
 * </pre>
 *
 * <p>The device stands behind the IOMMU, as hardware does: what it may touch is what a {@link
 * dev.outboard.dma.BusMaster} answers. It takes that to the limit: it keeps what it resolved for as
 * long as the generation lets it, stays in its section, comes back as an unmap returns, tries
 * neighbours, old IOVAs, and each mapping against its direction.
 *
 * <p>The driver never asks the device what is right. Whether an access was inside the stated window
 * is decided by the driver's own clock, its own count and the flushes it saw.
 */
package dev.outboard.perf.attack;
