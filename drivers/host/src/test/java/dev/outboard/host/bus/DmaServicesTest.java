package dev.outboard.host.bus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.IommuOwner;
import dev.outboard.dma.Strategy;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Several mapping services of one driver. */
class DmaServicesTest {
    @TempDir Path folder;

    @Test
    void shouldOpenAsManyAsTheDomainHasAndAddUpWhatTheyDid() {
        try (var owner = IommuOwner.listen(folder.resolve("i.sock"));
                var memory = owner.memory(1 << 20);
                var domain = owner.claim("dev", memory, DomainOptions.DEFAULT.withServices(2));
                var services = new DmaServices(() -> domain.dma(Strategy.STRICT));
                var buffer = memory.allocate(4096)) {
            var other = services.open();
            assertThatThrownBy(services::open).hasMessageContaining("2 mapping services");
            for (var service : List.of(services.main(), other)) {
                long iova = service.map(buffer.physicalAddress(), 4096, DmaDirection.BIDIRECTIONAL);
                assertThat(services.statistics().liveMappings()).isEqualTo(1);
                service.unmap(iova, 4096);
            }
            // Also of one that its user has closed, who then may open another.
            other.close();
            assertThat(services.statistics().maps()).isEqualTo(2);
            assertThat(services.open()).isNotSameAs(other);
        }
    }
}
