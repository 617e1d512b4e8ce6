package dev.outboard.dma;

import dev.outboard.iommu.Iotlb;
import dev.outboard.iommu.IotlbGeometry;

/**
 * One IOTLB for several devices of a device process, as behind one bridge: they take each other's
 * entries, but never use them, and a flush of one leaves the others'. It gets the shape that the
 * first owner grants; when all devices have detached, the next begins anew.
 *
 * <p>One thread, that of all these devices. Allocates when a device attaches.
 */
public final class SharedIotlb {
    private Iotlb iotlb;

    /** None has attached yet. */
    public SharedIotlb() {}

    /** The IOTLB for one more device, whose owner grants this shape. */
    Iotlb forDevice(IotlbGeometry granted) {
        if (iotlb == null || iotlb.isEmpty()) {
            iotlb = new Iotlb(granted);
        }
        return iotlb;
    }
}
