package dev.outboard.host.bind;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.uio.pci.PciIdentity;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PciNamesTest {
    private static final PciIdentity NIC = new PciIdentity(0x8086, 0x10d3, 0x020000, 0, 0, 0);

    @TempDir Path root;

    @Test
    void shouldNameVendorDeviceAndClass() throws IOException {
        var folder = Files.createDirectories(root.resolve("usr/share/hwdata"));
        Files.writeString(
                folder.resolve("pci.ids"),
                """
                # a comment
                8086  Intel Corporation
                \t10d3  82574L Gigabit Network Connection
                \t\t103c 1775  NC112T
                C 02  Network controller
                \t00  Ethernet controller
                """);
        var names = PciNames.below(root);
        assertThat(names.vendor(NIC)).contains("Intel Corporation");
        assertThat(names.device(NIC)).contains("82574L Gigabit Network Connection");
        assertThat(names.kind(NIC)).contains("Ethernet controller");
        var other = new PciIdentity(0x103c, 0x1775, 0x028000, 0, 0, 0);
        assertThat(names.vendor(other)).isEmpty();
        assertThat(names.device(other)).isEmpty();
        assertThat(names.kind(other)).contains("Network controller");
    }

    @Test
    void shouldKnowNoNamesWhereNoneAreInstalled() {
        assertThat(PciNames.below(root).vendor(NIC)).isEmpty();
    }
}
