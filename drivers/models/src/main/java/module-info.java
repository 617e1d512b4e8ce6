/**
 * Emulated devices that are processes of their own: an Ethernet switch and a disk, over vhost-user,
 * and PCI functions over vfio-user.
 */
module dev.outboard.models {
    requires transitive dev.outboard.uio;
    requires transitive dev.outboard.dma;
    requires dev.outboard.backend;
    requires dev.outboard.iommu;
    requires dev.outboard.virtio;
    requires dev.outboard.internet;
    requires org.slf4j;

    exports dev.outboard.models;
    exports dev.outboard.models.shape;
}
