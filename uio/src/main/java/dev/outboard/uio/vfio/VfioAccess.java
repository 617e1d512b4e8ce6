package dev.outboard.uio.vfio;

import dev.outboard.uio.DeviceNode;
import dev.outboard.uio.NativeException;
import dev.outboard.uio.Resources;
import dev.outboard.uio.nativecall.ErrorNames;
import dev.outboard.uio.sysfs.IommuGroup;
import dev.outboard.uio.sysfs.SysfsFunction;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Function;

/**
 * A function, and the address space that it reaches memory by, both of this process alone.
 *
 * <p>Owned by who opened it. Closing it closes the function first: what it reached is taken away
 * when it reaches nothing any more.
 */
public final class VfioAccess implements AutoCloseable {
    private static final String FOLDER = "dev/vfio";

    private final Resources resources = new Resources();
    private final AddressSpace space;
    private final VfioFunction function;

    /** How to come in. */
    public enum Way {
        /** By the node of the device where there is one, else by its group. */
        NEWEST,

        /** By its group and a container. */
        GROUP,

        /** By the node of the device, and iommufd. */
        DEVICE
    }

    private VfioAccess(SysfsFunction found, Way way, Function<Path, DeviceNode> opener, Path root) {
        try {
            boolean byDevice = way == Way.DEVICE || way == Way.NEWEST && hasDeviceNode(found, root);
            if (byDevice) {
                DeviceNode device = resources.add(open(deviceNode(found, root), found, opener));
                var iommufd =
                        resources.add(
                                new IommufdSpace(open(root.resolve("dev/iommu"), found, opener)));
                attach(iommufd, device, found);
                space = iommufd;
                function = resources.add(new VfioFunction(device, found.place().toString()));
            } else {
                var container =
                        resources.add(
                                new VfioContainer(
                                        open(root.resolve(FOLDER).resolve("vfio"), found, opener)));
                space = container;
                function = resources.add(byGroup(found, container, opener, root));
            }
        } catch (RuntimeException failure) {
            resources.closeAfter(failure);
            throw failure;
        }
    }

    /**
     * Opens a function that is bound to VFIO. It is reset, reaches no memory, and does not
     * interrupt.
     *
     * @throws VfioException if it cannot be had; the message names the cause and the remedy
     */
    public static VfioAccess open(SysfsFunction found, Way way) {
        return open(found, way, DeviceNode::open, Path.of("/"));
    }

    /** The same on a machine of a test's. */
    static VfioAccess open(
            SysfsFunction found, Way way, Function<Path, DeviceNode> opener, Path root) {
        return new VfioAccess(found, way, opener, root);
    }

    private static boolean hasDeviceNode(SysfsFunction found, Path root) {
        return found.vfioNumber().isPresent() && Files.exists(root.resolve("dev/iommu"));
    }

    private static Path deviceNode(SysfsFunction found, Path root) {
        int number =
                found.vfioNumber()
                        .orElseThrow(
                                () ->
                                        new VfioException(
                                                found
                                                        + " has no node of its own: this kernel"
                                                        + " has none, or the function is not bound"
                                                        + " to VFIO"));
        return root.resolve(FOLDER).resolve("devices").resolve("vfio" + number);
    }

    private static void attach(IommufdSpace space, DeviceNode device, SysfsFunction found) {
        try {
            space.attach(device);
        } catch (NativeException refused) {
            boolean isBusy = refused.errno() == ErrorNames.EBUSY;
            boolean isInTheWay = isBusy || refused.errno() == ErrorNames.EINVAL;
            if (isInTheWay) {
                throw new VfioException(
                        "%s is not to be had with the other functions of its group: %s"
                                .formatted(found, VfioGroup.inTheWay(found)),
                        refused);
            }
            throw refused;
        }
    }

    private VfioFunction byGroup(
            SysfsFunction found,
            VfioContainer container,
            Function<Path, DeviceNode> opener,
            Path root) {
        IommuGroup number =
                found.iommuGroup()
                        .orElseThrow(
                                () ->
                                        new VfioException(
                                                found
                                                        + " is in no IOMMU group: none stands"
                                                        + " before it; switch one on in the BIOS,"
                                                        + " and boot with intel_iommu=on or"
                                                        + " amd_iommu=on"));
        Path path = root.resolve(FOLDER).resolve(Integer.toString(number.number()));
        String name = "group " + number.number();
        var group = resources.add(new VfioGroup(open(path, found, opener), name));
        group.join(container, found);
        String place = found.place().toString();
        try {
            return new VfioFunction(DeviceNode.adopt("VFIO " + place, group.device(place)), place);
        } catch (NativeException refused) {
            throw new VfioException(
                    "%s is not given to us by its %s: is it bound to vfio-pci? %s"
                            .formatted(place, name, refused.getMessage()),
                    refused);
        }
    }

    private static DeviceNode open(
            Path path, SysfsFunction found, Function<Path, DeviceNode> opener) {
        try {
            return opener.apply(path);
        } catch (NativeException refused) {
            throw new VfioException(remedy(path, found, refused), refused);
        }
    }

    private static String remedy(Path path, SysfsFunction found, NativeException refused) {
        int errno = refused.errno();
        if (errno == ErrorNames.EACCES || errno == ErrorNames.EPERM) {
            return "%s may not be opened by this user: chown %s %s"
                    .formatted(path, System.getProperty("user.name"), path);
        }
        if (errno == ErrorNames.EBUSY) {
            return "%s is in use: another process drives %s or a function of its group%s"
                    .formatted(path, found, NodeHolder.of(path));
        }
        if (errno == ErrorNames.ENOENT || errno == ErrorNames.ENODEV) {
            return "%s is not there: modprobe vfio-pci, and outboard bind %s"
                    .formatted(path, found);
        }
        return "%s cannot be opened: %s".formatted(path, refused.getMessage());
    }

    /** What the function reaches. */
    public AddressSpace space() {
        return space;
    }

    /** The function. */
    public VfioFunction function() {
        return function;
    }

    @Override
    public void close() {
        resources.close();
    }
}
