using FastRecurrence.TestKit;

[assembly: AssemblyFixture(typeof(OneTestProcess))]
