package dev.outboard.perf.setup;

/** Who holds the translations that a command measures. */
public enum Owner {
    /** Nobody: there is no IOMMU. */
    NONE,

    /** The driver's own process, as a kernel on bare metal. */
    DRIVER,

    /** The mediator, a process of its own, as a hypervisor. */
    MEDIATOR
}
