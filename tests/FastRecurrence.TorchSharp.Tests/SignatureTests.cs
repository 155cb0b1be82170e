using System.Reflection;
using FastRecurrence.TorchSharp;
using TorchSharp;
using GRU = TorchSharp.Modules.GRU;
using LSTM = TorchSharp.Modules.LSTM;
using RNN = TorchSharp.Modules.RNN;

namespace FastRecurrence.TorchTests;

/// <summary>One changed line is enough where the arguments are the same. Read from the managed library, so these run without libtorch too.</summary>
public class SignatureTests
{
    [Theory, InlineData("LSTM", typeof(FastLstm)), InlineData("GRU", typeof(FastGru)), InlineData("RNN", typeof(FastRnn))]
    public void Constructors_take_the_arguments_of_torchs_modules(string torchs, Type own)
    {
        static (string?, Type, object?)[] Of(IEnumerable<ParameterInfo> parameters) =>
            [.. parameters.Where(p => p.Name is not ("device" or "dtype" or "projSize")).Select(p => (p.Name, p.ParameterType, p.DefaultValue))];
        MethodInfo factory = Assert.Single(typeof(torch.nn).GetMethods(), m => m.Name == torchs);
        Assert.Equal(Of(factory.GetParameters()), Of(Assert.Single(own.GetConstructors()).GetParameters()));
    }

    [Theory, InlineData(typeof(LSTM), typeof(FastLstm)), InlineData(typeof(GRU), typeof(FastGru)), InlineData(typeof(RNN), typeof(FastRnn))]
    public void Calls_take_and_give_what_those_of_torchs_modules_do(Type torchs, Type own)
    {
        static HashSet<string> Of(Type module) => [.. module.GetMethods().Where(m => m.Name is "call" or "forward" && m.DeclaringType == module)
            .Select(m => $"{m.Name}: {m.ReturnType} of {m.GetParameters()[0].ParameterType}")];
        Assert.NotEmpty(Of(torchs));
        Assert.Subset(Of(own), Of(torchs));
    }
}
