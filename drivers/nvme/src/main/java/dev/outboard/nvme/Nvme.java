package dev.outboard.nvme;

import dev.outboard.driver.Device;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.block.BlockQueue;
import dev.outboard.driver.block.BlockService;
import dev.outboard.uio.Resources;
import java.lang.foreign.MemorySegment;

/** A running controller, with its first namespace as the disk. */
final class Nvme implements BlockService {
    private final ControllerIdentity identity;
    private final Namespace namespace;
    private final NvmeLimits limits;
    private final NvmeQueue queue;
    private final Resources resources;

    private Nvme(
            ControllerIdentity identity,
            Namespace namespace,
            NvmeLimits limits,
            NvmeQueue queue,
            Resources resources) {
        this.identity = identity;
        this.namespace = namespace;
        this.limits = limits;
        this.queue = queue;
        this.resources = resources;
    }

    /**
     * @param mayUseSgl whether data may be named by an SGL where the controller takes one
     */
    static Nvme start(Device device, boolean mayUseSgl) {
        Resources resources = new Resources();
        try {
            Controller controller = resources.add(new Controller(device));
            AdminQueue admin = controller.admin();
            ControllerIdentity identity =
                    ControllerIdentity.of(admin.identify(NvmeDescriptor.IDENTIFY_CONTROLLER, 0));
            Namespace namespace = firstNamespace(device, admin);
            NvmeLimits limits = NvmeLimits.of(identity, controller.mostEntries(), mayUseSgl);
            controller.setQueueCount(1);
            NvmeQueue queue =
                    resources.add(
                            new NvmeQueue(device, controller, namespace, limits, 1, resources));
            return new Nvme(identity, namespace, limits, queue, resources);
        } catch (RuntimeException failure) {
            resources.closeAfter(failure);
            throw failure;
        }
    }

    private static Namespace firstNamespace(Device device, AdminQueue admin) {
        MemorySegment list = admin.identify(NvmeDescriptor.IDENTIFY_NAMESPACES, 0);
        int first = list.get(NvmeDescriptor.U32.withByteAlignment(1), 0);
        if (first == 0) {
            throw new DeviceException("device " + device.name() + " has no namespace: no disk");
        }
        return Namespace.of(
                device.name(), first, admin.identify(NvmeDescriptor.IDENTIFY_NAMESPACE, first));
    }

    @Override
    public String describe() {
        return "nvme %s (%s), namespace %d of %,d bytes in blocks of %d, %s, %s"
                .formatted(
                        identity.model(),
                        identity.serial(),
                        namespace.id(),
                        namespace.capacityBytes(),
                        1 << namespace.blockShift(),
                        limits.takesSgl() ? "SGL" : "PRP",
                        identity.hasWriteCache() ? "write cache" : "no write cache");
    }

    @Override
    public long capacityBytes() {
        return namespace.capacityBytes();
    }

    @Override
    public int blockBytes() {
        return 1 << namespace.blockShift();
    }

    @Override
    public boolean isReadOnly() {
        return false;
    }

    @Override
    public boolean hasWriteCache() {
        return identity.hasWriteCache();
    }

    @Override
    public int maximumRequestBytes() {
        return limits.requestBytes() & -blockBytes();
    }

    @Override
    public int queueCount() {
        return 1;
    }

    @Override
    public BlockQueue queue(int index) {
        if (index != 0) {
            throw new IndexOutOfBoundsException("queue " + index + " of 1");
        }
        return queue;
    }

    @Override
    public void close() {
        resources.close();
    }
}
