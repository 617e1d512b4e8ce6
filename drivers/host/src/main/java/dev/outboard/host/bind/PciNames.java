package dev.outboard.host.bind;

import dev.outboard.uio.pci.PciIdentity;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Names of vendors, devices and classes, from the list that pciutils brings; where it is not
 * installed there are none. Immutable; any thread.
 *
 * <pre>
 *   8086  Intel Corporation
 *   ⇥10d3  82574L Gigabit Network Connection
 *   C 02  Network controller
 *   ⇥00  Ethernet controller
 * </pre>
 */
final class PciNames {
    private static final List<String> FILES =
            List.of("usr/share/misc/pci.ids", "usr/share/hwdata/pci.ids");
    private static final int ID_DIGITS = 4;
    private static final int CLASS_DIGITS = 2;
    private static final String NAME_GAP = "  ";

    /** Keys: {@code 8086}, {@code 8086:10d3}, {@code C02}, {@code C02:00}. */
    private final Map<String, String> names;

    private PciNames(Map<String, String> names) {
        this.names = names;
    }

    /** The names that are installed below a root. */
    static PciNames below(Path root) {
        for (var file : FILES) {
            try {
                var lines = Files.readAllLines(root.resolve(file), StandardCharsets.UTF_8);
                return new PciNames(read(lines));
            } catch (IOException absent) {
                continue;
            }
        }
        return new PciNames(Map.of());
    }

    private static Map<String, String> read(List<String> lines) {
        var names = new HashMap<String, String>();
        var parent = "";
        for (var line : lines) {
            var gap = line.indexOf(NAME_GAP);
            if (line.startsWith("#") || line.startsWith("\t\t") || gap < 0) {
                continue;
            }
            var name = line.substring(gap).strip();
            var id = line.substring(0, gap);
            if (line.startsWith("\t")) {
                names.put(parent + ":" + id.strip(), name);
            } else if (id.startsWith("C ") && id.length() == 2 + CLASS_DIGITS) {
                parent = "C" + id.substring(2);
                names.put(parent, name);
            } else if (id.length() == ID_DIGITS) {
                parent = id;
                names.put(parent, name);
            }
        }
        return names;
    }

    /** The vendor's name. */
    Optional<String> vendor(PciIdentity identity) {
        return Optional.ofNullable(names.get("%04x".formatted(identity.vendor())));
    }

    /** The device's name. */
    Optional<String> device(PciIdentity identity) {
        return Optional.ofNullable(
                names.get("%04x:%04x".formatted(identity.vendor(), identity.device())));
    }

    /** The class's name, or that of the wider class. */
    Optional<String> kind(PciIdentity identity) {
        int base = identity.classCode() >>> 2 * Byte.SIZE;
        int sub = identity.classCode() >>> Byte.SIZE & 0xff;
        return Optional.ofNullable(names.get("C%02x:%02x".formatted(base, sub)))
                .or(() -> Optional.ofNullable(names.get("C%02x".formatted(base))));
    }
}
