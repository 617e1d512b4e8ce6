package dev.outboard.uio.vfio;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.DeviceNode;
import dev.outboard.uio.nativecall.ErrorNames;
import dev.outboard.uio.sysfs.SysfsFunction;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * A group of functions that the IOMMU cannot keep apart: {@code /dev/vfio/N}. One process has it at
 * a time, and only if no driver of the kernel's has any of it.
 */
final class VfioGroup implements AutoCloseable {
    /** What is not in the way of a group: the kernel's own list. */
    private static final Set<String> HARMLESS =
            Set.of("vfio-pci", "pci-stub", "pcieport", "shpchp");

    private final DeviceNode node;
    private final String name;
    private boolean isInContainer;

    /**
     * @param node taken over
     * @param name for people: {@code group 7}
     */
    VfioGroup(DeviceNode node, String name) {
        this.node = node;
        this.name = name;
    }

    /**
     * Puts it into a container, which is started with its first group.
     *
     * @param member one of its functions, to tell what is in the way
     * @throws VfioException if a driver of the kernel's has some of it
     */
    void join(VfioContainer container, SysfsFunction member) {
        if (!isViable()) {
            throw new VfioException(name + " is not viable: " + inTheWay(member));
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment number = arena.allocate(VfioDescriptor.U32);
            number.set(VfioDescriptor.U32, 0, container.number());
            int answer = node.control(VfioDescriptor.GROUP_SET_CONTAINER, number);
            Questions.require(answer, node, "VFIO_GROUP_SET_CONTAINER");
        }
        isInContainer = true;
        try {
            container.start();
        } catch (dev.outboard.uio.NativeException refused) {
            if (refused.errno() == ErrorNames.EPERM) {
                throw new VfioException(
                        ("%s is not isolated: the platform does not remap interrupts (boot with"
                                        + " interrupt remapping, or, where every device is"
                                        + " trusted, modprobe vfio_iommu_type1"
                                        + " allow_unsafe_interrupts=1)")
                                .formatted(name),
                        refused);
            }
            throw refused;
        }
    }

    private boolean isViable() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment status = arena.allocate(VfioDescriptor.GROUP_STATUS_BYTES, Long.BYTES);
            status.set(VfioDescriptor.U32, 0, VfioDescriptor.GROUP_STATUS_BYTES);
            Questions.require(
                    node.control(VfioDescriptor.GROUP_GET_STATUS, status),
                    node,
                    "VFIO_GROUP_GET_STATUS");
            return (status.get(VfioDescriptor.U32, 4) & VfioDescriptor.GROUP_VIABLE) != 0;
        }
    }

    /** Names the functions of the group that a driver of the kernel's has. */
    static String inTheWay(SysfsFunction member) {
        var others =
                member.groupOthers().stream()
                        .filter(other -> other.driver().filter(VfioGroup::isInTheWay).isPresent())
                        .toList();
        if (others.isEmpty()) {
            return "another function of it is in use: 'outboard list' shows the group of "
                    + member.place();
        }
        return others.stream()
                        .map(
                                other ->
                                        "%s is still bound to %s"
                                                .formatted(
                                                        other.place(), other.driver().orElse("")))
                        .collect(Collectors.joining(", "))
                + others.stream()
                        .map(other -> other.place().toString())
                        .collect(Collectors.joining(" ", ": outboard bind ", ""));
    }

    private static boolean isInTheWay(String driver) {
        return !HARMLESS.contains(driver);
    }

    /**
     * The descriptor of one of its functions; the function is reset.
     *
     * @throws dev.outboard.uio.NativeException ENODEV if it is not bound to VFIO
     */
    Descriptor device(String place) {
        if (!isInContainer) {
            throw new IllegalStateException(name + " is in no container yet");
        }
        try (Arena arena = Arena.ofConfined()) {
            int answer = node.control(VfioDescriptor.GROUP_GET_DEVICE, arena.allocateFrom(place));
            return Descriptor.adopt(
                    Questions.require(answer, node, "VFIO_GROUP_GET_DEVICE_FD " + place));
        }
    }

    /** Takes it out of its container, too. */
    @Override
    public void close() {
        node.close();
    }
}
