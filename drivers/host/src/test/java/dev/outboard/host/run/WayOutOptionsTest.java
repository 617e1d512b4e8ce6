package dev.outboard.host.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.outboard.host.cli.UsageException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** The words for ways out of a driver's process, and what they are short for. */
class WayOutOptionsTest {
    private static WayOutOptions of(String... words) {
        var options = new WayOutOptions();
        new CommandLine(CommandLine.Model.CommandSpec.forAnnotatedObject(options)).parseArgs(words);
        return options;
    }

    @Test
    void shouldTellTheClientWhatItsWordSays() {
        assertThat(of("--tap", "tap0").clientOptions()).isEqualTo(Map.of("name", "tap0"));
        assertThat(of("--xdp", "eth0,copy,queue=1", "-o", "a=b").clientOptions())
                .isEqualTo(Map.of("name", "eth0,copy,queue=1", "a", "b"));
        assertThat(of("--serve", "a.sock", "--serve", "b.sock").clientOptions())
                .isEqualTo(Map.of("path", "a.sock,b.sock"));
        assertThat(of("--forward").clientOptions()).isEmpty();
        assertThat(of("--client", "x", "-o", "name=y").clientOptions())
                .isEqualTo(Map.of("name", "y"));
    }

    @Test
    void shouldLookForTheClientOfThatWord() {
        assertThatExceptionOfType(UsageException.class)
                .isThrownBy(() -> of("--client", "nobody").client(Modules.of(List.of())))
                .withMessageContaining("there is no client 'nobody'");
        assertThat(of().client(Modules.of(List.of()))).isNull();
    }

    @Test
    void shouldRefuseMoreThanOneWayOutAndNameThem() {
        assertThatExceptionOfType(UsageException.class)
                .isThrownBy(() -> of("--tap", "t", "--client", "c", "--forward").clientOptions())
                .withMessageContaining("--client, --tap, --forward are more than one way out");
    }

    @Test
    void shouldRefuseAnOptionThatSaysOtherwise() {
        assertThatExceptionOfType(UsageException.class)
                .isThrownBy(() -> of("--tap", "t", "-o", "name=u").clientOptions())
                .withMessageContaining("--tap t says name=t already: leave out -o name=u");
        assertThat(of("--tap", "t", "-o", "name=t").clientOptions()).containsEntry("name", "t");
    }

    @ParameterizedTest
    @ValueSource(strings = {"--tap", "--xdp", "--serve"})
    void shouldRefuseAWayOutToNothing(String word) {
        assertThatExceptionOfType(UsageException.class)
                .isThrownBy(() -> of(word, " ").clientOptions())
                .withMessageContaining(word + " names nothing");
    }
}
