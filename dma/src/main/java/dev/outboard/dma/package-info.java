/**
 * The mapping service a driver sees: map, unmap, and memory to map.
 *
 * <pre>
 *  driver process                                            device process
 *
 *  PhysicalMemory ── segments (memfd) ═════════════════════► mapped by IommuAttachment
 *  Dma ── map, unmap ─► TceTable (memfd, writable here) ═══► read-only there
 *   │ flush                                                       ▲ translate
 *   ▼                                                             │
 *  Flusher ── requests, waits ◄══ control page (memfd) ══► enter, resolve, exit
 *  IommuOwner ◄── faults ──────── eventfd ◄─────────────── BusMaster of a device model
 * </pre>
 *
 * <p>A device attaches over a SEQPACKET socket ({@link dev.outboard.dma.IommuOwner}); without an
 * IOMMU it reaches the front-end's regions as they are ({@link dev.outboard.dma.MemoryTable}), or
 * as the front-end translates when it is asked ({@link dev.outboard.dma.AskingBusMaster}).
 */
package dev.outboard.dma;
