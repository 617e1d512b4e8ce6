package dev.outboard.host.pci;

import dev.outboard.driver.DeviceException;
import dev.outboard.driver.Doorbell;
import dev.outboard.driver.QueueAddresses;
import dev.outboard.driver.QueueTransport;
import dev.outboard.host.bus.DeviceSetup;
import dev.outboard.uio.Interrupt;
import dev.outboard.uio.InterruptLine;
import dev.outboard.uio.Registers;
import dev.outboard.uio.pci.Capability;
import dev.outboard.uio.pci.ConfigurationSpace;
import dev.outboard.uio.pci.PciFunction;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * The queues of a virtio function of version 1 and later: registers say where they are.
 *
 * <pre>
 *   common registers
 *   00 offered select u32   04 offered u32     08 accepted select u32   0c accepted u32
 *   10 vector of changes u16   12 queues u16   14 status u8   15 generation u8
 *   16 queue u16   18 its entries u16   1a its vector u16   1c enabled u16   1e doorbell u16
 *   20 its descriptors u64     28 its available ring u64     30 its used ring u64
 * </pre>
 *
 * <p>The driver's thread; doorbells belong to the threads of their queues. Source: VIRTIO 1.2,
 * section 4.1.
 */
final class VirtioPciQueues implements QueueTransport, AutoCloseable {
    private static final int OFFERED_SELECT = 0x00;
    private static final int OFFERED = 0x04;
    private static final int ACCEPTED_SELECT = 0x08;
    private static final int ACCEPTED = 0x0c;
    private static final int CHANGE_VECTOR = 0x10;
    private static final int QUEUES = 0x12;
    private static final int STATUS = 0x14;
    private static final int GENERATION = 0x15;
    private static final int QUEUE = 0x16;
    private static final int ENTRIES = 0x18;
    private static final int VECTOR = 0x1a;
    private static final int ENABLED = 0x1c;
    private static final int DOORBELL = 0x1e;
    private static final int DESCRIPTORS = 0x20;
    private static final int AVAILABLE = 0x28;
    private static final int USED = 0x30;

    private static final int ACKNOWLEDGED = 1;
    private static final int HAS_DRIVER = 2;
    private static final int DRIVER_OK = 4;
    private static final int FEATURES_OK = 8;

    private static final int KIND = 3;
    private static final int REGION = 4;
    private static final int OFFSET = 8;
    private static final int LENGTH = 12;
    private static final int DOORBELL_STRIDE = 16;
    private static final int COMMON_KIND = 1;
    private static final int DOORBELL_KIND = 2;
    private static final int STATUS_KIND = 3;
    private static final int CONFIG_KIND = 4;

    private static final short NO_VECTOR = (short) 0xffff;
    private static final long ACCESS_PLATFORM = 1L << 33;
    private static final int MOST_CONFIG_LOOKS = 100;
    private static final long RESET_NANOS = TimeUnit.SECONDS.toNanos(5);
    private static final long LOOK_NANOS = 100_000;

    private final PciDevice device;
    private final DeviceSetup setup;
    private final Window common;
    private final Window doorbells;
    private final Window interruptStatus;
    private final Window config;
    private final long doorbellStride;
    private boolean accepted;
    private boolean reset;

    /** A structure of the device: a part of a region. */
    private record Window(Registers registers, long offset, long lengthBytes) {
        long at(long within, int bytes) {
            if (within < 0 || within > lengthBytes - bytes) {
                throw new DeviceException(
                        "a virtio structure of %d bytes has nothing at 0x%x"
                                .formatted(lengthBytes, within));
            }
            return offset + within;
        }
    }

    VirtioPciQueues(PciDevice device, PciFunction function, DeviceSetup setup) {
        this.device = device;
        this.setup = setup;
        ConfigurationSpace space = function.configuration();
        common = window(function, COMMON_KIND);
        doorbells = window(function, DOORBELL_KIND);
        interruptStatus = window(function, STATUS_KIND);
        config = window(function, CONFIG_KIND);
        if (common == null || doorbells == null || interruptStatus == null) {
            throw new DeviceException(
                    "device %s (%s) has no modern virtio registers: is it a legacy device?"
                            .formatted(device.name(), function.name()));
        }
        doorbellStride = doorbellStride(space);
        resetDevice();
        status(ACKNOWLEDGED);
        status(ACKNOWLEDGED | HAS_DRIVER);
        if (!device.hasLine()) {
            putShort(CHANGE_VECTOR, NO_VECTOR);
        }
    }

    private static long doorbellStride(ConfigurationSpace space) {
        for (Capability capability : Capability.of(space)) {
            if (isStructure(space, capability, DOORBELL_KIND)) {
                return space.read(capability.offset() + DOORBELL_STRIDE, Integer.BYTES);
            }
        }
        return 0;
    }

    private static boolean isStructure(ConfigurationSpace space, Capability found, int kind) {
        return found.id() == Capability.VENDOR_SPECIFIC
                && space.read(found.offset() + KIND, 1) == kind;
    }

    /** The first structure of a kind that names a region there is. */
    private static Window window(PciFunction function, int kind) {
        ConfigurationSpace space = function.configuration();
        for (Capability capability : Capability.of(space)) {
            if (!isStructure(space, capability, kind)) {
                continue;
            }
            int region = (int) space.read(capability.offset() + REGION, 1);
            long offset = space.read(capability.offset() + OFFSET, Integer.BYTES);
            long length = space.read(capability.offset() + LENGTH, Integer.BYTES);
            if (region > 5) {
                continue;
            }
            Registers registers = function.region(region);
            if (offset > registers.lengthBytes() - length) {
                throw new DeviceException(
                        "function %s puts a virtio structure beyond its region %d"
                                .formatted(function.name(), region));
            }
            return new Window(registers, offset, length);
        }
        return null;
    }

    private int getInt(int offset) {
        return common.registers.getInt(common.at(offset, Integer.BYTES));
    }

    private void putInt(int offset, int value) {
        common.registers.putInt(common.at(offset, Integer.BYTES), value);
    }

    private int getShort(int offset) {
        return Short.toUnsignedInt(common.registers.getShort(common.at(offset, Short.BYTES)));
    }

    private void putShort(int offset, short value) {
        common.registers.putShort(common.at(offset, Short.BYTES), value);
    }

    /** Addresses are written in halves, as the specification lets every driver. */
    private void putAddress(int offset, long iova) {
        putInt(offset, (int) iova);
        putInt(offset + Integer.BYTES, (int) (iova >>> Integer.SIZE));
    }

    private int status() {
        return Byte.toUnsignedInt(common.registers.getByte(common.at(STATUS, 1)));
    }

    private void status(int value) {
        common.registers.putByte(common.at(STATUS, 1), (byte) value);
    }

    private void resetDevice() {
        status(0);
        long deadline = System.nanoTime() + RESET_NANOS;
        while (status() != 0) {
            device.checkPresent();
            if (System.nanoTime() - deadline > 0) {
                throw new DeviceException(
                        "device %s does not come to rest: status=0x%x"
                                .formatted(device.name(), status()));
            }
            LockSupport.parkNanos(LOOK_NANOS);
        }
    }

    private long offered() {
        putInt(OFFERED_SELECT, 0);
        long low = Integer.toUnsignedLong(getInt(OFFERED));
        putInt(OFFERED_SELECT, 1);
        return low | Integer.toUnsignedLong(getInt(OFFERED)) << Integer.SIZE;
    }

    @Override
    public long offeredFeatures() {
        return setup.known(offered()) & ~ACCESS_PLATFORM;
    }

    @Override
    public void acceptFeatures(long features) {
        if (accepted) {
            throw new IllegalStateException("the features of " + device.name() + " were accepted");
        }
        long offered = offered();
        if ((features & ~offered) != 0) {
            throw new DeviceException(
                    "device %s does not offer features 0x%x (it offers 0x%x)"
                            .formatted(device.name(), features & ~offered, offered));
        }
        if (device.isBehindIommu() && (offered & ACCESS_PLATFORM) == 0) {
            throw new DeviceException(
                    ("device %s does not offer ACCESS_PLATFORM: it would pass the IOMMU by (QEMU's"
                                    + " devices do with iommu_platform=on)")
                            .formatted(device.name()));
        }
        long all = features | offered & ACCESS_PLATFORM;
        putInt(ACCEPTED_SELECT, 0);
        putInt(ACCEPTED, (int) all);
        putInt(ACCEPTED_SELECT, 1);
        putInt(ACCEPTED, (int) (all >>> Integer.SIZE));
        status(ACKNOWLEDGED | HAS_DRIVER | FEATURES_OK);
        if ((status() & FEATURES_OK) == 0) {
            throw new DeviceException(
                    "device %s refuses the features 0x%x".formatted(device.name(), all));
        }
        accepted = true;
    }

    @Override
    public int queueCount() {
        return getShort(QUEUES);
    }

    @Override
    public int maximumEntries(int queue) {
        select(queue);
        int given = getShort(ENTRIES);
        if (given == 0) {
            throw new DeviceException("device %s has no queue %d".formatted(device.name(), queue));
        }
        // A split ring has a power of two of entries.
        return Math.min(setup.queueEntries(), Integer.highestOneBit(given));
    }

    private void select(int queue) {
        if (queue < 0 || queue >= queueCount()) {
            throw new DeviceException(
                    "device %s has no queue %d (it has %d)"
                            .formatted(device.name(), queue, queueCount()));
        }
        putShort(QUEUE, (short) queue);
    }

    /** Of one generation: the device may change several fields at once. */
    @Override
    public byte[] readConfig(int offset, int length) {
        if (config == null) {
            return null;
        }
        byte[] bytes = new byte[length];
        for (int look = 0; look < MOST_CONFIG_LOOKS; look++) {
            int before = generation();
            for (int at = 0; at < length; at++) {
                // What the device has not is zero, as its features say.
                boolean isThere = offset + at < config.lengthBytes;
                bytes[at] = isThere ? config.registers.getByte(config.at(offset + at, 1)) : 0;
            }
            if (generation() == before) {
                return bytes;
            }
        }
        throw new DeviceException(
                "the configuration of device %s does not come to rest".formatted(device.name()));
    }

    private int generation() {
        return common.registers.getByte(common.at(GENERATION, 1));
    }

    /** A vector for each queue, where there are vectors. */
    @Override
    public Interrupt interrupt(int queue, InterruptLine line) {
        return device.hasLine()
                ? device.interrupt(0, new StatusLine(line))
                : device.interrupt(queue, line);
    }

    /** A vector behind those of the queues; none where the function has a line, or too few. */
    @Override
    public Interrupt configInterrupt() {
        int vector = queueCount();
        if (device.hasLine() || device.vectors() <= vector) {
            return null;
        }
        Interrupt claimed = device.interrupt(vector);
        putShort(CHANGE_VECTOR, (short) vector);
        if (getShort(CHANGE_VECTOR) != vector) {
            claimed.close();
            return null;
        }
        return claimed;
    }

    /** A queue on a line that stays asserted until the device's interrupt status was read. */
    private final class StatusLine implements InterruptLine {
        private final InterruptLine queue;

        StatusLine(InterruptLine queue) {
            this.queue = queue;
        }

        /** Cleared first: work that comes later asserts the line again (VIRTIO 1.2, 4.1.4.5). */
        @Override
        public boolean unmask() {
            interruptStatus.registers.getByte(interruptStatus.at(0, 1));
            return queue.unmask();
        }

        @Override
        public void mask() {
            queue.mask();
        }

        @Override
        public boolean isPending() {
            return queue.isPending();
        }
    }

    @Override
    public Doorbell start(int queue, QueueAddresses addresses) {
        if (!accepted) {
            throw new IllegalStateException("accept the features of " + device.name() + " first");
        }
        select(queue);
        putShort(ENTRIES, (short) addresses.entries());
        if (!device.hasLine()) {
            putShort(VECTOR, (short) queue);
            if (getShort(VECTOR) != queue) {
                throw new DeviceException(
                        "device %s has no vector for queue %d".formatted(device.name(), queue));
            }
        }
        putAddress(DESCRIPTORS, addresses.descriptorIova());
        putAddress(AVAILABLE, addresses.availableIova());
        putAddress(USED, addresses.usedIova());
        long at = doorbells.at(getShort(DOORBELL) * doorbellStride, Short.BYTES);
        putShort(ENABLED, (short) 1);
        Registers registers = doorbells.registers;
        short number = (short) queue;
        return () -> registers.putShort(at, number);
    }

    @Override
    public void ready() {
        status(ACKNOWLEDGED | HAS_DRIVER | FEATURES_OK | DRIVER_OK);
    }

    /** A function gives all its queues back at once: by a reset. */
    @Override
    public void stop(int queue) {
        if (!reset && !device.isLost()) {
            reset = true;
            resetDevice();
        }
    }

    @Override
    public void close() {
        stop(0);
    }
}
