/**
 * Translation of IOVAs: who may reach which page frame, and what happens when nobody may.
 *
 * <pre>
 *            owner of the IOMMU                                  device process
 *  IovaAllocator ─► PageTable (map, release) ═══ shared ════► PageTable (walk, acquire)
 *                                                                  │ miss
 *                                                                  ▼
 *                   OwnerControl ══ control page, shared ══► Translator ─► Iotlb
 *                    requested, ring of invalidations ────►    enter, translate, exit
 *                    faults, counters, completed  ◄────────    a fault never touches memory
 * </pre>
 *
 * <p>A {@link dev.outboard.iommu.TableFormat} says how entries are laid out, and in which of three
 * structures: flat ({@code TceTable}), in levels ({@code RadixTable}), hashed ({@code VhptTable}).
 *
 * <p>Everything here is arithmetic on memory that somebody else provides: no native call, no
 * thread, no file.
 */
package dev.outboard.iommu;
