package dev.outboard.host.bind;

import dev.outboard.host.cli.UsageException;
import dev.outboard.uio.sysfs.PciPlace;
import dev.outboard.uio.sysfs.Sysfs;
import dev.outboard.uio.sysfs.SysfsFunction;
import java.util.List;

/** Places as people write them: {@code 00:04.0}, or the device's address {@code pci:00:04.0}. */
public final class Places {
    private static final String SCHEME = "pci:";

    private Places() {}

    /**
     * The function at a place.
     *
     * @throws UsageException if it is no place, or there is no function
     */
    public static SysfsFunction function(Sysfs sysfs, String written) {
        try {
            var place = written.startsWith(SCHEME) ? written.substring(SCHEME.length()) : written;
            return sysfs.function(PciPlace.parse(place));
        } catch (IllegalArgumentException e) {
            throw new UsageException(e.getMessage());
        }
    }

    /** The functions at places, each once, in the order they were written. */
    static List<SysfsFunction> functions(Sysfs sysfs, List<String> written) {
        return written.stream()
                .map(place -> function(sysfs, place).place())
                .distinct()
                .map(sysfs::function)
                .toList();
    }
}
