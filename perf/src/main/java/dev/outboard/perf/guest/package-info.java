/**
 * {@code outboard guest}: our drivers on devices that others wrote, behind an IOMMU that others
 * wrote, under a kernel that others wrote; in a machine of QEMU's, so that nothing of this one is
 * touched.
 *
 * <pre>
 *   this machine                                     the guest
 *   ────────────                                     ─────────
 *   Debian's kernel package ┐                        /init ──► outboard guest-checks
 *   jlink, ldd, busybox     ├─► Initramfs ──► QEMU ──►  │        binds, runs drivers, takes away
 *   our modules             ┘     (cpio)       │        │        what can be missing
 *                                              │        ▼
 *   GuestCommand ◄── a line a check ◄── second serial line
 *        └── looks at the disk's file afterwards itself
 * </pre>
 *
 * <p>Everything comes by package name, needs no rights, and is kept in a folder of the user's
 * cache.
 */
package dev.outboard.perf.guest;
