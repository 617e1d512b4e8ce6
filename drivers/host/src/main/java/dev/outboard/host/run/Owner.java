package dev.outboard.host.run;

/** Who holds the translations of a driver's DMA. */
enum Owner {
    /** Nobody: there is no IOMMU. */
    NONE,

    /** The driver's own process, as a kernel on bare metal. */
    DRIVER,

    /** The mediator, a process of its own, as a hypervisor. */
    MEDIATOR,

    /** The device: its own IOTLB, which the driver's process feeds. */
    DEVICE
}
