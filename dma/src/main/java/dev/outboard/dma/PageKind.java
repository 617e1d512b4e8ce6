package dev.outboard.dma;

/** The pages that a segment of physical memory is made of, as its processes map it. */
public enum PageKind {
    /**
     * The largest that the kernel has to give: huge pages of 2 MiB that are free, else transparent
     * ones, else those of 4 KiB. Never fails for the want of huge pages.
     */
    AUTO,

    /** Pages of 4 KiB. */
    BASE,

    /** Pages of 4 KiB that the kernel may join to huge ones by itself. */
    TRANSPARENT,

    /** Huge pages of 2 MiB, reserved by the administrator. */
    HUGE_2M,

    /** Huge pages of 1 GiB, reserved by the administrator. */
    HUGE_1G
}
