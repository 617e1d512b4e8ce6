package dev.outboard.dma.mediator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.IommuDomain;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.Strategy;
import dev.outboard.dma.StrategyOptions;
import dev.outboard.dma.device.DeviceDomains;
import dev.outboard.iommu.CalgaryFormat;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Hubs are had of the owner in the driver's process alone; the others say so. */
@Timeout(60)
final class RemoteHubTest {
    private static final StrategyOptions STRICT = StrategyOptions.of(Strategy.STRICT);
    private static final DomainOptions OPTIONS =
            DomainOptions.DEFAULT.withFormat(CalgaryFormat.INSTANCE).withTableEntries(8192);

    @TempDir Path directory;

    @Test
    void shouldRefuseHubsOfAMediatorByName() {
        try (Rig rig = new Rig(directory);
                MediatorClient client = rig.client("a");
                PhysicalMemory memory = client.memory(1 << 20);
                IommuDomain domain = client.claim("nic0", memory, OPTIONS)) {
            shouldRefuseHubs(domain);
            // What was refused has claimed no name, and hub 0 is as none.
            domain.admit("nic1", 0);
            assertThatThrownBy(() -> domain.admit("nic1"))
                    .isInstanceOf(IllegalStateException.class);
            domain.dma(STRICT, 0).close();
            assertThat(rig.report("a").devices()).containsExactly("nic0", "nic1");
        }
    }

    @Test
    void shouldRefuseHubsOfADeviceByName() {
        try (DeviceDomains domains = new DeviceDomains();
                PhysicalMemory memory = domains.memory(1 << 20);
                IommuDomain domain = domains.claim("nic0", memory, OPTIONS)) {
            shouldRefuseHubs(domain);
            domain.dma(STRICT, 0).close();
        }
    }

    private static void shouldRefuseHubs(IommuDomain domain) {
        for (int hub : new int[] {1, 63, -1}) {
            assertThatThrownBy(() -> domain.admit("nic1", hub))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("hubId=" + hub)
                    .hasMessageContaining("domain=nic0 has no hubs: take 0, or an owner here");
            assertThatThrownBy(() -> domain.dma(STRICT, hub))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("hubId=" + hub);
        }
    }
}
