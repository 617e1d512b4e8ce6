/**
 * Linux from Java: descriptors, shared memory, events, sockets that pass descriptors, vhost-user.
 */
module dev.outboard.uio {
    requires org.jnrproject.ffi;
    requires org.jnrproject.constants;

    exports dev.outboard.uio;
    exports dev.outboard.uio.failure;
    exports dev.outboard.uio.generic;
    exports dev.outboard.uio.net;
    exports dev.outboard.uio.pci;
    exports dev.outboard.uio.qtest;
    exports dev.outboard.uio.sysfs;
    exports dev.outboard.uio.vfio;
    exports dev.outboard.uio.vfiouser;
    exports dev.outboard.uio.vhost;
}
