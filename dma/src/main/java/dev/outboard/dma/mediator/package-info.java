/**
 * The mediator, a process that owns memory and translation tables for drivers that trust neither
 * each other nor themselves, as a hypervisor does; and the driver's side of it.
 *
 * <pre>
 *  driver process                        mediator                              device process
 *
 *  Dma ─ any strategy                    Mediator: one thread, whose time Turns shares out
 *   │ map, clear, settle                  │ copies, checks, charges, obeys
 *   ▼                                     ▼
 *  MediatorTranslations ══ request ring ══► ServiceRing ─► page table (memfd) ═══► read-only there
 *   │ doorbell (eventfd) ────────────────►│                     │ flush                ▲
 *   │ ◄──────────── signal (socket) ──────│                     ▼                      │ translate
 *   │                                     │                control page ◄══════► IommuAttachment
 *  MediatorClient ── ControlMessage ─────►│ memory, claims, grants, quotas          (attach socket,
 *  PhysicalMemory ◄═ segments (memfd) ════│══════════════════════════════════════► its segments)
 * </pre>
 *
 * <p>A driver's process never has a table, not even to read, nor memory of another driver: a grant
 * lets it map frames for its device by number. Quotas follow the beancounters of OpenVZ (OLS 2007),
 * requests the hypercalls of PAPR: the client chooses the IOVA, the mediator copies a request,
 * checks the copy, and obeys that.
 */
package dev.outboard.dma.mediator;
