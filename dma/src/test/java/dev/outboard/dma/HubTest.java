package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.iommu.Access;
import dev.outboard.iommu.DartFormat;
import dev.outboard.iommu.FaultReason;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Devices of several hubs behind one Calgary table. */
final class HubTest {
    @TempDir Path directory;

    @Test
    void shouldKeepDevicesOfOtherHubsFromEntriesOfATableTheyShare() {
        DomainOptions options = DomainOptions.DEFAULT.withTableEntries(8192).withServices(2);
        StrategyOptions strict = StrategyOptions.of(Strategy.STRICT);
        try (Bench bench = new Bench(directory, options)) {
            bench.domain.admit("nic1", 5);
            try (IommuAttachment other =
                            IommuAttachment.connect(
                                    bench.owner.path(), "nic1", Bench.TIMEOUT_NANOS);
                    Dma dma = bench.domain.dma(strict);
                    Dma otherDma = bench.domain.dma(strict, 5);
                    CoherentMemory page = dma.allocateCoherent(4096);
                    CoherentMemory otherPage = otherDma.allocateCoherent(4096)) {
                assertThat(page.iova()).isNotEqualTo(otherPage.iova());
                assertThat(bench.reaches(page.iova(), 8, Access.READ_WRITE)).isTrue();
                assertThat(bench.reaches(otherPage.iova(), 8, Access.READ)).isFalse();
                DmaWindow window = new DmaWindow();
                other.enter();
                assertThat(other.resolve(otherPage.iova(), 8, Access.READ_WRITE, window)).isTrue();
                assertThat(other.resolve(page.iova(), 8, Access.READ, window)).isFalse();
                other.exit();
                assertThat(bench.awaitFaults(2))
                        .allMatch(fault -> fault.reason() == FaultReason.NOT_MAPPED);
            }
        }
    }

    @Test
    void shouldRefuseHubsThatTheFormatDoesNotHave() {
        DomainOptions dart =
                DomainOptions.DEFAULT.withFormat(DartFormat.INSTANCE).withTableEntries(1024);
        try (Bench bench = new Bench(directory, dart)) {
            assertThatThrownBy(() -> bench.domain.admit("nic1", 1))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("hubId=1")
                    .hasMessageContaining("format calgary");
            assertThatThrownBy(() -> bench.domain.dma(StrategyOptions.of(Strategy.STRICT), 1))
                    .hasMessageContaining("hubId=1");
            bench.domain.admit("nic1", 0);
        }
    }

    @Test
    void shouldRefuseHubsBeyondTheLast() {
        try (Bench bench = new Bench(directory, DomainOptions.DEFAULT.withTableEntries(8192))) {
            assertThatThrownBy(() -> bench.domain.admit("nic1", 64))
                    .hasMessageContaining("carry 0 to 63");
            assertThatThrownBy(() -> bench.domain.admit("nic1", -1))
                    .hasMessageContaining("hubId=-1");
            bench.domain.admit("nic1", 63);
            assertThatThrownBy(() -> bench.domain.admit("nic1", 62))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("device=nic1");
        }
    }
}
