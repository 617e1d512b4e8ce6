/**
 * Pages for paths that may not block: taken without a lock, refilled by a thread that may wait.
 *
 * <pre>
 *   may not block:  UrgentTaker.tryTake ◄── magazine, its thread's own ◄──┐ 16 at once
 *   may sleep:      PatientTaker.take  ◄── cache, others may take from it ◄┤ above the reserve only
 *                                                                          │
 *                 free pages, zeroed:  ├─ reserve ─┼─ low mark ──┼─────── high mark ─┤
 *                                          ▲  16 at once, zeroed          │ above: given back
 *                                     refill thread ◄── pages given back ─┤
 *                                          ▲                              ▼
 *                                     PhysicalMemory.allocate     DmaMemory.close
 * </pre>
 *
 * <p>It is the thread and the free list of OpenBSD's {@code uvm_km}, with its marks, and with its
 * back channel: whoever may sleep and takes below the low mark gets its page, puts it where others
 * can take it too, and only then yields. Per-thread magazines are Bonwick's and Adams'.
 */
package dev.outboard.dma.pool;
