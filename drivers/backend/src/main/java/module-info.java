/**
 * The device's side of a vhost-user connection and of its virtqueues: for the device models, and
 * for a driver that offers its interface to further processes.
 */
module dev.outboard.backend {
    requires transitive dev.outboard.uio;
    requires transitive dev.outboard.dma;
    requires dev.outboard.iommu;
    requires dev.outboard.virtio;
    requires org.slf4j;

    exports dev.outboard.backend;
    exports dev.outboard.backend.loop;
}
