/**
 * Translation of IOVAs: who may reach which page frame, and what happens when nobody may.
 *
 * <pre>
 *            owner of the IOMMU                                  device process
 *  IovaAllocator ─► TceTable (writes, release) ══ shared ══► TceTable (reads, acquire)
 *                                                                  │ miss
 *                                                                  ▼
 *                   OwnerControl ══ control page, shared ══► Translator ─► Iotlb
 *                    requested, ring of invalidations ────►    enter, translate, exit
 *                    faults, counters, completed  ◄────────    a fault never touches memory
 * </pre>
 *
 * <p>Everything here is arithmetic on memory that somebody else provides: no native call, no
 * thread, no file.
 */
package dev.outboard.iommu;
