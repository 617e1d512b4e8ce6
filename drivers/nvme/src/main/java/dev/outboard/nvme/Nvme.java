package dev.outboard.nvme;

import dev.outboard.dma.Dma;
import dev.outboard.driver.Device;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.Notice;
import dev.outboard.uio.Interrupt;
import dev.outboard.uio.Resources;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** A running controller: its queues, and its namespaces as disks. The thread that started it. */
final class Nvme implements AutoCloseable {
    /** Namespaces that are looked for: a controller may claim thousands of millions. */
    private static final int MOST_NAMESPACES = 128;

    private static final int NO_VECTOR = -1;

    private final Device device;
    private final NvmeOptions options;
    private final Notices notices = new Notices();

    /** What is given back once the controller has come to rest. */
    private final Resources resources = new Resources();

    private final Resources all = new Resources();
    private final Map<Integer, Namespace> namespaces = new LinkedHashMap<>();
    private final List<String> refused = new ArrayList<>();
    private final List<NvmeQueue> queues = new ArrayList<>();
    private final List<NvmeDisk> disks = new ArrayList<>();
    private ControllerIdentity identity;
    private Controller controller;
    private NvmeLimits limits;
    private EventWatch watch;

    private Nvme(Device device, NvmeOptions options) {
        this.device = device;
        this.options = options;
        all.add(resources);
        all.add(this::rest);
    }

    /** Brings a controller up; its first namespace. */
    static NvmeDisk start(Device device, NvmeOptions options) {
        Nvme nvme = new Nvme(device, options);
        try {
            nvme.begin();
            return nvme.disks.getFirst();
        } catch (RuntimeException failure) {
            nvme.all.closeAfter(failure);
            throw failure;
        }
    }

    private void begin() {
        controller = resources.add(new Controller(device, notices));
        AdminQueue admin = controller.admin();
        identity = ControllerIdentity.of(admin.identify(IdentifyDescriptor.CONTROLLER, 0));
        limits = NvmeLimits.of(identity, controller.mostEntries(), options);
        findNamespaces(admin);
        if (identity.takesDoorbellBuffers() && options.mayUseShadows()) {
            controller.useShadows();
        }
        int vector = openQueues();
        namespaces.values().forEach(found -> disks.add(new NvmeDisk(this, found, limits, queues)));
        watch = new EventWatch(device, controller, identity, namespaces, notices, vector);
        controller.watchedBy(watch::wake);
    }

    private void findNamespaces(AdminQueue admin) {
        IdentifyPage list = admin.identify(IdentifyDescriptor.ACTIVE_NAMESPACES, 0);
        for (int index = 0; index < MOST_NAMESPACES; index++) {
            int id = list.u32(index * Integer.BYTES);
            if (id == 0) {
                break;
            }
            try {
                namespaces.put(
                        id,
                        Namespace.of(
                                device.name(),
                                id,
                                admin.identify(IdentifyDescriptor.NAMESPACE, id)));
            } catch (DeviceException unusable) {
                if (admin.isStuck()) {
                    throw unusable;
                }
                refused.add(unusable.getMessage());
            }
        }
        if (namespaces.isEmpty()) {
            throw new DeviceException(
                    refused.isEmpty()
                            ? "device %s has no namespace: create and attach one (nvme create-ns)"
                                    .formatted(device.name())
                            : refused.getFirst());
        }
    }

    /**
     * As many as the host wants, the controller has, and there are vectors for.
     *
     * @return the vector that is left for the admin queue, or {@link #NO_VECTOR}
     */
    private int openQueues() {
        int wanted = Math.clamp(controller.mostQueues(), 1, Math.max(1, device.queueLimit()));
        int given = controller.setQueueCount(wanted);
        if (!open(1, 1, device.dma())) {
            // One vector, or a line: the queue has it, and tells when it came for another.
            if (!open(1, 0, device.dma())) {
                throw new DeviceException(
                        "device %s has no interrupt vector".formatted(device.name()));
            }
            return NO_VECTOR;
        }
        for (int index = 2; index <= given; index++) {
            Dma dma = device.openDma();
            resources.add(dma);
            if (!open(index, index, dma)) {
                break;
            }
        }
        return 0;
    }

    /** Opens a queue, unless there is no such vector. */
    private boolean open(int index, int vector, Dma dma) {
        CommandRing ring =
                resources.add(
                        new CommandRing(
                                dma,
                                limits.entries(),
                                limits.completionEntries(),
                                controller.tailDoorbell(index),
                                controller.headDoorbell(index)));
        Interrupt interrupt;
        try {
            interrupt = resources.add(device.interrupt(vector, ring::isReady));
        } catch (DeviceException none) {
            ring.close();
            return false;
        }
        queues.add(
                resources.add(
                        new NvmeQueue(
                                device, dma, controller, limits, index, ring, vector, interrupt)));
        return true;
    }

    Controller controller() {
        return controller;
    }

    List<NvmeDisk> disks() {
        return disks;
    }

    void onNotice(Consumer<Notice> listener) {
        notices.listener(listener);
    }

    String describe(NvmeDisk disk) {
        StringBuilder text = new StringBuilder();
        text.append("nvme %s (%s), ".formatted(identity.model(), identity.serial()))
                .append(disk.describeItself());
        for (NvmeDisk other : disks) {
            if (other != disk) {
                text.append("; ").append(other.describeItself());
            }
        }
        text.append(
                "; %d queue%s of %d, %s, %s, doorbells in %s"
                        .formatted(
                                queues.size(),
                                queues.size() == 1 ? "" : "s",
                                limits.entries(),
                                limits.takesSgl() ? "SGL" : "PRP",
                                limits.hasWriteCache() ? "write cache" : "no write cache",
                                controller.usesShadows() ? "memory" : "registers"));
        refused.forEach(why -> text.append("; not used: ").append(why));
        return text.toString();
    }

    /** Nothing is told, sent or reached any more. */
    private void rest() {
        try (Resources steps = new Resources()) {
            if (controller != null) {
                steps.add(controller::rest);
            }
            queues.forEach(queue -> steps.add(queue::stop));
            if (watch != null) {
                steps.add(watch);
            }
        }
    }

    @Override
    public void close() {
        all.close();
    }
}
