package dev.outboard.uio.sysfs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;

/**
 * Takes a function from its driver and gives it to another, by {@code driver_override}: no other
 * function can come along, as with {@code new_id}. Needs the rights to write those files.
 *
 * <p>Stateless; any thread, but two at one function at a time are one too many.
 */
public final class DriverBinding {
    /** Writes a text to a file that is there. */
    interface Writer {
        void write(Path file, String text) throws IOException;
    }

    private final Sysfs sysfs;
    private final Writer writer;

    /** The machine whose functions are bound. */
    public DriverBinding(Sysfs sysfs) {
        this(sysfs, (file, text) -> Files.writeString(file, text, StandardOpenOption.WRITE));
    }

    /** With a kernel that is told of each write. */
    DriverBinding(Sysfs sysfs, Writer writer) {
        this.sysfs = sysfs;
        this.writer = writer;
    }

    /**
     * Binds a function to a driver and no other, until {@link #release}. If it fails, the function
     * has the driver and the override that it had before.
     *
     * @throws BindingException if the driver is not there, did not take it, or the files may not be
     *     written
     */
    public void bind(SysfsFunction function, String driver) {
        Optional<String> before = function.driver();
        if (before.isPresent() && before.get().equals(driver)) {
            override(function, driver);
            return;
        }
        if (!sysfs.hasDriver(driver)) {
            throw new BindingException(
                    "there is no driver %s for %s: modprobe %s"
                            .formatted(driver, function, driver));
        }
        Optional<String> overrideBefore = function.driverOverride();
        override(function, driver);
        try {
            unbind(function);
            probe(function);
            if (!function.driver().equals(Optional.of(driver))) {
                throw new BindingException(refusal(function, driver));
            }
        } catch (BindingException failure) {
            // Nothing is left half done: it goes back to whom it came from.
            restore(function, before, overrideBefore, failure);
            throw failure;
        }
    }

    /** What the kernel has said why goes to its log only. */
    private static String refusal(SysfsFunction function, String driver) {
        boolean lacksGroup = driver.equals("vfio-pci") && function.iommuGroup().isEmpty();
        return lacksGroup
                ? ("%s did not take %s: no IOMMU stands before it; switch it on in the firmware and"
                                + " boot with intel_iommu=on or amd_iommu=on")
                        .formatted(driver, function)
                : "%s did not take %s: dmesg says why".formatted(driver, function);
    }

    private void restore(
            SysfsFunction function,
            Optional<String> driver,
            Optional<String> override,
            BindingException failure) {
        try {
            override(function, override.orElse(""));
            if (driver.isPresent() && function.driver().isEmpty()) {
                write(sysfs.driverFolder(driver.get()).resolve("bind"), function);
            }
        } catch (BindingException again) {
            failure.addSuppressed(again);
        }
    }

    /**
     * Takes a function from its driver and gives it to whichever the kernel has for it.
     *
     * @return the driver that took it; none where the kernel has none for it
     * @throws BindingException if the files may not be written
     */
    public Optional<String> release(SysfsFunction function) {
        override(function, "");
        unbind(function);
        probe(function);
        return function.driver();
    }

    /** Takes a function from its driver, if it has one; it then has none. */
    private void unbind(SysfsFunction function) {
        if (function.driver().isPresent()) {
            write(function.folder().resolve("driver/unbind"), function);
        }
    }

    private void probe(SysfsFunction function) {
        write(sysfs.root().resolve("sys/bus/pci/drivers_probe"), function);
    }

    private void override(SysfsFunction function, String driver) {
        // An empty line takes the override away; nothing at all would be no write.
        write(function.folder().resolve("driver_override"), driver + "\n");
    }

    private void write(Path file, SysfsFunction function) {
        write(file, function.toString());
    }

    private void write(Path file, String text) {
        try {
            writer.write(file, text);
        } catch (IOException failure) {
            throw new BindingException(
                    "cannot write '%s' to %s: %s"
                            .formatted(text.strip(), file, cause(file, failure)),
                    failure);
        }
    }

    private static String cause(Path file, IOException failure) {
        if (!Files.exists(file)) {
            return "it is not there";
        }
        return Files.isWritable(file) ? failure.getMessage() : "run it as root";
    }
}
